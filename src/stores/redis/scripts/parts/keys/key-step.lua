-- What comes with a change of a virtual key (ARGV[4], JSON, or ''): the `version` it was decided on, an entry for the audit log,
-- and `once`, the answer that the same request is to get again.

local step = ARGV[4] ~= '' and cjson.decode(ARGV[4]) or {}

-- What is kept under the id of a request's idempotency key; nil when nothing is, or no longer.
local function recall_answer(id)
  local ends, print, text = match(rcall('GET', P .. 'answer:' .. id) or '', '^(%d+) (%S+) (.*)$')
  if ends and tonumber(ends) > now then return { 'answered', print, text } end
end

local function is_stale(at)
  local version = step.version
  if not version then return false end
  local f = rcall('HMGET', at, 'revision', 'updatedAt')
  return (f[1] or '0') ~= version.revision or f[2] ~= version.updatedAt
end

-- Writes what stands beside the change.
local function finish_step()
  local audit, once = step.audit, step.once
  if audit then write_audit(audit[1], audit[2], audit[3]) end
  if once then
    local kept = concat({ exact(now + once.ttl), once.print, once.text }, ' ')
    rcall('SET', P .. 'answer:' .. once.id, kept, 'PX', exact(once.ttl))
  end
end
