-- A worker's step: ARGV[3] is the task, ARGV[4] the fence of its lease, ARGV[5] to ARGV[8] the claim to make in the same
-- step (lane or '' for none, lease, how many, most held or ''), ARGV[9] and ARGV[10] the work done in ms.

if repeated then
  local done, records = match(repeated, '^([^\n]*)\n(.*)$')
  local id, ref = match(done, '^1 (%S+) (%S+)$')
  local update = id and recall_update(id, ref) or ''
  return { update ~= '' and 1 or 0, update, recall_claims(records) }
end

-- The task, nil unless the lease is the one that holds it.
local t = load_task(ARGV[3])
if t and (t.fence ~= ARGV[4] or t.lease == '-') then t = nil end

-- Writes the step, claims, and answers: 1 and the update, 0 when the lease was lost, or 2 and the bytes of a task that
-- would be too large. `unchanged`: there is nothing to write.
local function step(event, unchanged)
  local update, remembered = '', '0'
  if t then
    local bytes = t.bytes + #t.state + #t.result + #t.error + #t.message
    if bytes > MAX_TASK_BYTES then return { 2, bytes } end
    if ARGV[9] ~= '0' then t.provider_ms = exact(t.provider_ms + ARGV[9]) end
    if ARGV[10] ~= '0' then t.store_ms = exact(t.store_ms + ARGV[10]) end
    t.updated = unchanged and t.updated or now_text
    update = unchanged and answer(t, '', load_key(t.key), load_subject(t.key, t.subject)) or commit(t, event)
    remembered = '1 ' .. t.id .. ' ' .. t.ref
  end
  local claims, records = {}, {}
  if ARGV[5] ~= '' then
    claims, records = claim_next(ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]))
  end
  flush()
  if t or claims[1] then remember(remembered .. '\n' .. concat(records, ' ')) end
  return { t and 1 or 0, update, claims }
end
