-- The answer kept under the id of a request's idempotency key: 'answered', fingerprint and text; nothing when there is none.
-- ARGV: 3 id, 4 '' (see parts/keys/key-step.lua)

return recall_answer(ARGV[3]) or {}
