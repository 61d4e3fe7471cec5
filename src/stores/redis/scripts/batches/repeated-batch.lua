-- The batch that a repeated request made, as create-batch.lua would answer it; nil when it would make one. ARGV: 3 key, 4 subject,
-- 5 idempotency key, 6 fingerprint, 7 only if ended within or ''. Answers { 'replayed', the record } or { 'conflict' }.

local outcome, record = repeated_batch(P .. 'once:' .. scoped(ARGV[3], scoped(ARGV[4], ARGV[5])), ARGV[6], ARGV[7])
return outcome and { outcome, record }
