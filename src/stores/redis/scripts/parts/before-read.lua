-- Before a script that only reads: the data must have this release's shape, or a later one that this release can read.

local reader = rcall('GET', KEYS[2] .. 'reader')
if not reader or tonumber(reader) < OWN_MIN_READER then return redis.error_reply('UNPREPARED') end
if tonumber(reader) > OWN_RELEASE then return redis.error_reply('NEWERSCHEMA ' .. reader) end
