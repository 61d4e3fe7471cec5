-- When the next cleanup item may be claimed, '' when there is none.

return rcall('ZRANGE', P .. 'cleanups', 0, 0, 'WITHSCORES')[2] or ''
