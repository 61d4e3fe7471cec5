-- Tasks as they are stored, whoever asks. ARGV: from 3 tasks. Answers the moment and each of them, nil where there is none.

local tasks = {}
for i = 3, #ARGV do tasks[i - 2] = load_task(ARGV[i]) or false end
return { now_text, tasks }
