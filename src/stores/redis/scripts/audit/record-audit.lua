-- Writes an entry of the audit log alone. ARGV: 3 action, 4 target, 5 text.

if repeated then return 1 end
write_audit(ARGV[3], ARGV[4], ARGV[5])
remember('1')
return 1
