-- Who may see what. A scope is a key, a subject ('' = the key itself, which sees all of its own) and whether the task was granted.

local function visible(t, key, subject, granted)
  return t.key == key and (subject == '' or subject == t.subject or granted == '1')
end

-- The task if it exists inside the scope in ARGV[4] to ARGV[6]; the two ways of not being there look the same.
local function visible_task()
  local t = load_task(ARGV[3])
  return t and visible(t, ARGV[4], ARGV[5], ARGV[6]) and t or nil
end
