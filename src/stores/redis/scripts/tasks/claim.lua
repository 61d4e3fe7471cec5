-- Claims the fairest due tasks of a lane. ARGV: 3 lane, 4 lease in ms, 5 how many at most, 6 most held or '', 7 JSON list of
-- providers or '', 8 how many starts at most or '', 9 how many polls or '', 10 the call since which the caller knows what it made or ''.
-- Answers the moment and the claims.

if repeated then return { now_text, recall_claims(cjson.decode(repeated)) } end
fetched = min(max(1, tonumber(ARGV[5])), 32)
local claims, records = claim_next(ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7],
  tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]))
finish_claims()
flush()
if #claims > 0 then remember(cjson.encode(records)) end
return { now_text, claims }
