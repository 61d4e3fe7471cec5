-- A page of one batch, newest first. ARGV: 3 key, 4 subject or '', 5 task to begin behind or '', 6 how many, 7 batch,
-- 8 how many statuses and types ("queued image"), they, then granted ids.

local asked, granted, views = {}, {}, {}
for i = 9, 8 + ARGV[8] do asked[ARGV[i]] = true end
for i = 9 + ARGV[8], #ARGV do granted[ARGV[i]] = '1' end
local from = ARGV[5] == '' and '+' or '(' .. ARGV[5]
local ids = rcall('ZREVRANGEBYLEX', P .. 'batch:' .. scoped(ARGV[3], ARGV[7]), from, '-', 'LIMIT', 0, MAX_BATCH_TASKS)
for _, id in ipairs(ids) do
  if #views == tonumber(ARGV[6]) then break end
  local t = load_task(id)
  if t and visible(t, ARGV[3], ARGV[4], granted[id]) and asked[t[T_status] .. ' ' .. t[T_type]] then
    views[#views + 1] = view(t)
  end
end
return answer_views(views, ARGV[3])
