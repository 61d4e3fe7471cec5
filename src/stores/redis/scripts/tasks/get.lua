-- One task as a tenant sees it, nil when there is none. ARGV: 3 task, 4 to 6 scope

local t = load_task(ARGV[3])
return t and visible(t, ARGV[4], ARGV[5], ARGV[6]) and answer_views({ view(t) }, t[T_keyId])
