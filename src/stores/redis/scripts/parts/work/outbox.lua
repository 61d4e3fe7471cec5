-- Domain events on their way to the sink (src/events/outbox.ts): a list of their JSON texts, oldest first. `outbox-state` holds
-- the sender's fence and until when nobody else is handed rows, how often sending failed in a row, how many rows have left the list at its
-- front (`head`, the number of the row that stands first), and how many of them fell out. This part is in no script without a sink.

local outbox_length
-- `begun` is an event's JSON as far as its caller knows it.
local function post(begun)
  if not outbox_length then
    local length = redis.pcall('LLEN', P .. 'outbox')
    outbox_length = tonumber(length) or 0
  end
  write('RPUSH', P .. 'outbox', begun .. ',"at":' .. now_text .. '}')
  if outbox_length < OUTBOX_ROWS then
    outbox_length = outbox_length + 1
  else
    write('LPOP', P .. 'outbox')
    write('HINCRBY', P .. 'outbox-state', 'head', '1')
    write('HINCRBY', P .. 'outbox-state', 'dropped', '1')
  end
end
