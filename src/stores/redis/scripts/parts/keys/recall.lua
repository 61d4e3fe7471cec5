-- Answering a call again: the claims it made, with the tasks as they are now. Made only where it is needed: every function a
-- script makes costs as much as a command.

local recall_claims
if repeated then
  -- Those of `records` that are still held.
  recall_claims = function(records)
    local claims = {}
    for _, record in ipairs(records) do
      local t = load_task(record[1])
      if t and t[T_fence] == record[2] and t[T_leaseUntil] then
        local k, s = load_key(t[T_keyId]), load_subject(t[T_keyId], t[T_subject])
        local event = record[3] ~= '' and rcall('HGET', P .. 'task:' .. record[1], record[3]) or ''
        claims[#claims + 1] = { t, event, places_of(t[T_by], k, s) }
      end
    end
    return claims
  end
end
