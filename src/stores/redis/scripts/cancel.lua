-- Ends a task, whoever holds it. ARGV: 3 task, 4 to 6 scope

if repeated then
  local update = recall_update(ARGV[3], repeated)
  return update == '' and { 'not_found' } or { 'cancelled', update }
end
local t = visible_task()
if not t then return { 'not_found' } end
if t.finished ~= '-' then
  return { t.status == 'cancelled' and 'already_cancelled' or 'already_finished', tell(t) }
end
local update = overrule(t, 'cancelled')
flush()
remember(t.ref)
return { 'cancelled', update }
