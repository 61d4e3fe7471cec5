-- The fields of a session, none when there is no such one. ARGV: 3 id

return tell_session(ARGV[3])
