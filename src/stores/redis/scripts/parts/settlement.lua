-- Settling what a cleanup item held open: once, within the reservation, and then the item is gone.

local function forget_cleanup(id)
  rcall('UNLINK', P .. 'cleanup:' .. id)
  rcall('ZREM', P .. 'cleanups', id)
  rcall('ZREM', P .. 'cleanup-ends', id)
end

-- A failed task is never charged; a cancelled one pays at most its reservation.
local function settle_cleanup(t, cancellation, billed)
  local cancelled = t.status == 'cancelled'
  t.settled, t.updated = '1', now_text
  t.cost = cancelled and exact(max(0, min(billed, tonumber(t.reserved)))) or '0'
  if cancelled then t.cancellation = cancellation end
  save_task(t)
  settle(t, load_key(t.key), load_subject(t.key, t.subject))
  forget_cleanup(t.id)
end
