# Between the prelude and a task. What the task's shell ends with is told by
# itself: the shell that watches it never waits for it by name.
trap 'last=$?; say task-code "$last"; kill -s QUIT "$guard" 2>/dev/null' EXIT
