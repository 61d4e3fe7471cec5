-- One task as a tenant sees it, nil when there is none. ARGV: 3 task, 4 to 6 scope

local t = visible_task()
return t and answer_views({ view(t) }, t.key)
