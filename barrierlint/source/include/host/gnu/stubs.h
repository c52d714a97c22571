/* Which of glibc's functions are stubs depends on the machine it was built for: none are, for reading. */
