-- Writes what a script changed: once at the end of every script that changes tasks, and between its parts.

local function flush()
  add_up()
  for _, n in ipairs(tenants) do
    if n.moved then
      for type in pairs(n.moved) do show(n, type) end
      n.moved = {}
    end
    if n.changed then
      local set = { 'seq', n.seq_text, 'waiting', exact(n.waiting) }
      if n.queues then
        set[5], set[6] = 'running', exact(n.running)
        for type, q in pairs(n.queues) do
          set[#set + 1], set[#set + 2] = type, queue_text(q)
        end
      end
      rcall('HSET', n.at, unpack(set))
      n.changed = false
    end
    if n.log[1] then
      local length = redis.pcall('RPUSH', P .. 'log:' .. n.name, unpack(n.log))
      if type(length) == 'table' then
        if met_damage(length) then set_key_aside('log:' .. n.name) end
        length = rcall('RPUSH', P .. 'log:' .. n.name, unpack(n.log))
      end
      -- Not at every event: a list that is cut by many at once costs less.
      if length > TENANT_LOG_EVENTS * 1.1 then
        rcall('LTRIM', P .. 'log:' .. n.name, -TENANT_LOG_EVENTS, -1)
      end
      n.log = {}
    end
  end
  for type, lane in pairs(lanes) do
    if lane.changed then
      rcall('HSET', P .. 'lane:' .. type, 'v', exact(lane.v), 'held', exact(lane.held), 'providers', lane.providers)
      lane.changed = false
    end
  end
  make_writes()
end
