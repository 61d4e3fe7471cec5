-- What is left of a deleted key: its text (deleted at, JSON of the rest), '' when there is nothing. ARGV: 3 id

return rcall('HGET', P .. 'deleted-texts', ARGV[3]) or ''
