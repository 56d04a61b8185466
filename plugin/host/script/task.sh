# Between the prelude and a task. What the task's shell ends with is told by
# itself: the shell that watches it is not its parent.
trap 'last=$?; say task-code "$last"; echo finished >&5' EXIT
