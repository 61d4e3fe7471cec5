-- Says what state the data is in, and claims it for this release. No check comes before this script. ARGV: 3 the name of the
-- step: 'look' (before anything else), or 'done' (nothing of the first release is left).
-- Answers { 'ready' }, { 'newer', release }, or { 'convert' } while data of the first release may be left: its number is raised
-- first, so that no process of that release writes any more.

local reader = tonumber(rcall('GET', KEYS[2] .. 'reader') or '')
local writes = tonumber(rcall('GET', KEYS[2] .. 'schema') or '')
if reader and reader > OWN_RELEASE then return { 'newer', reader } end
if not reader and writes and writes > OWN_RELEASE then return { 'newer', writes } end
if not writes or writes < OWN_RELEASE then rcall('SET', KEYS[2] .. 'schema', 'OWN_RELEASE') end
if not reader and writes and ARGV[3] == 'look' then return { 'convert' } end
if not reader or reader < OWN_MIN_READER then rcall('SET', KEYS[2] .. 'reader', 'OWN_MIN_READER') end
return { 'ready' }
