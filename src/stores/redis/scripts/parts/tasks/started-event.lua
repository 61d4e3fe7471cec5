-- What a claim tells the sink, because Lua decides claims: the same fields as `taskEventsOf` (src/events/task-events.ts) gives a start.

local function post_started(t, type)
  local readable, spec = pcall(cjson.decode, t[T_spec] or '{}')
  if not readable or _G.type(spec) ~= 'table' then spec = {} end
  local text = cjson.encode
  post('{"id":' .. text(t[T_id] .. '/' .. t[T_seq]) .. ',"type":"' .. (type == 'image' and 'Image' or 'Video')
    .. 'GenerationStarted","keyId":' .. text(t[T_keyId]) .. ',"customer":' .. text(spec.customer or cjson.null)
    .. ',"data":{"taskId":' .. text(t[T_id]) .. ',"subject":' .. text(t[T_subject]) .. ',"model":' .. text(spec.model or '')
    .. ',"provider":' .. text(t[T_provider] or '') .. ',"attempt":' .. t[T_attempt] .. ',"createdAt":' .. t[T_createdAt] .. '}')
end
