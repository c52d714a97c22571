"""Units as they are kept and joined: lowered in processes of their own, written down in a cache, looked up by what they
call.

`units.load` brings the unit of each input, from the cache or lowered anew; `programs.linkable` splits them into
programs. What it does not do: analyse.
"""
