-- The JSON of the secrets that sign a key's own webhooks, or nil. ARGV: 3 key

return rcall('GET', P .. 'webhook-secrets:' .. ARGV[3])
