-- A tenant's sessions, newest first. ARGV: 3 key, 4 subject or '', 5 the last id of the page before or '', 6 how many,
-- 7 only open ones (0/1). Looks at a bounded number.

local from = ARGV[5] == '' and '+' or '(' .. ARGV[5]
local found = {}
local ids = rcall('ZREVRANGEBYLEX', P .. 'sessions:' .. scoped(ARGV[3], ARGV[4]), from, '-', 'LIMIT', 0,
  ARGV[7] == '1' and MAX_STEP_TASKS or ARGV[6])
for _, id in ipairs(ids) do
  if #found == tonumber(ARGV[6]) then break end
  if ARGV[7] ~= '1' or rcall('HEXISTS', session_key(id), 'leaseUntil') == 1 then found[#found + 1] = tell_session(id) end
end
return found
