-- How often something stored could not be read.

return tonumber(rcall('GET', P .. 'unreadable') or 0)
