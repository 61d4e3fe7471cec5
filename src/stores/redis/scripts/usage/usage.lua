-- Sums of usage. ARGV: 3 key, or '' for every key, 4 customer, or '' for the whole key, 5 and 6 the first and the last day.
-- Answers first days and fields of hashes.

return read_usage(scoped(ARGV[3], ARGV[4]), ARGV[4] == '' and 1 or USAGE_SPAN, tonumber(ARGV[5]), tonumber(ARGV[6]))
