-- What the sink of events is told of the end of a session: the same fields as src/events/session-events.ts gives it. In no
-- script without a sink.

local function post_session_end(id)
  local fields, s, counters, text = rcall('HGETALL', P .. 'session:' .. id), {}, {}, cjson.encode
  for i = 1, #fields, 2 do
    local counter = match(fields[i], '^counter:(.*)$')
    if counter then
      counters[#counters + 1] = text(counter) .. ':' .. fields[i + 1]
    else
      s[fields[i]] = fields[i + 1]
    end
  end
  post('{"id":' .. text(id .. '/ended') .. ',"type":"RealtimeSessionEnded","keyId":' .. text(s.keyId) .. ',"customer":'
    .. text(s.customer or cjson.null) .. ',"data":{"sessionId":' .. text(id) .. ',"subject":' .. text(s.subject or '')
    .. ',"model":' .. text(s.model or '') .. ',"provider":' .. text(s.provider or '') .. ',"startedAt":' .. (s.startedAt or '0')
    .. ',"reason":' .. text(s.closeReason or '') .. ',"counters":{' .. concat(counters, ',') .. '}}')
end
