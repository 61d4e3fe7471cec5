-- Claims the fairest due tasks of a lane. ARGV: 3 lane, 4 lease in ms, 5 how many at most, 6 most held or ''

if repeated then return recall_claims(repeated) end
local claims, records = claim_next(ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]))
flush()
if #claims > 0 then remember(concat(records, ' ')) end
return claims
