-- Who may see what. A scope is a key, a subject ('' = the key itself, which sees all of its own) and whether the task was granted.

local function visible(t, key, subject, granted)
  return t[T_keyId] == key and (subject == '' or subject == t[T_subject] or granted == '1')
end
