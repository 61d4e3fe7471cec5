-- Creates tasks: key, idempotency, queue limit and budgets are looked at and the task is written, all at once. ARGV: from 3 the
-- creations (parts/tasks/creation.lua), as parts/calls.lua reads them: the server takes one long argument faster than many short ones.
-- Answers of each { 'created', moment, revision, places (parts/tenants.lua), rate or nil }, { 'replayed', view },
-- { 'conflict' }, { 'rate_limited', ms to wait, rate }, { 'queue_full', how many, rate or nil }, { 'budget_exceeded', …, rate or nil } (see
-- parts/money/budgets.lua; a rate: parts/money/rates.lua), { 'key_refused', why }, { 'id_taken' }
-- when another tenant has a task of that id, { 'unreadable' } when the key or something else that has to be looked at cannot be read: this one's fault alone.

local replies = {}
for i, c in ipairs(read_calls()) do replies[i] = make(i, c) end
flush()
-- A repetition within this script is answered with what was made.
for index, reply in ipairs(replies) do
  if reply[1] == 'again' then
    local t = load_task(calls[reply[2]][1])
    replies[index] = { 'replayed', answer_views({ view(t) }, t[T_keyId]) }
  end
end
return replies
