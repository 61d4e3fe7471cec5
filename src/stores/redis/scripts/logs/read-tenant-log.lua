-- Entries of a tenant's log after a position. ARGV: 3 key, 4 subject or '', 5 epoch, 6 position, 7 how many at most.
-- Answers nil where the tenant has no log; else epoch and position of the log as it stands, and, unless the reader has to
-- start anew, pairs of event and index of its task, and the tasks.

local n = load_tenant(ARGV[3], ARGV[4])
if n.epoch == '' then return nil end
local missing, limit = n.seq - tonumber(ARGV[6]), tonumber(ARGV[7])
local reset = { n.epoch, n.seq }
if ARGV[5] ~= n.epoch or missing < 0 or missing > TENANT_LOG_EVENTS then return reset end

local entries, tasks, index_of = {}, {}, {}
if missing > 0 and limit > 0 then
  local refs = rcall('LRANGE', P .. 'log:' .. n.name, -missing, -missing + min(limit, missing) - 1)
  if #refs < min(limit, missing) then return reset end
  for _, ref in ipairs(refs) do
    local id, at = match(ref, '^(%S+) (%S+)$')
    local text = rcall('HGET', P .. 'task:' .. id, at)
    local t = text and not index_of[id] and load_task(id)
    -- A purge or the retention took it.
    if not text or not (t or index_of[id]) then return reset end
    if #entries == 0 and cjson.decode(text).at < now - TENANT_LOG_MS then return reset end
    if t then
      tasks[#tasks + 1] = t
      index_of[id] = #tasks - 1
    end
    entries[#entries + 1], entries[#entries + 2] = text, index_of[id]
  end
end
return { n.epoch, n.seq, entries, tasks }
