-- Answers when the data can be read and written by this release.

rcall('SET', P .. 'probe', now_text)
return 1
