"""What it takes to run a training again, gathered beside it by a short-lived process.

`process` is started by the runner and prints its findings as JSON lines; everything
else goes into the run's bundle/. One module a subject: `environment`, `git`, `python`,
`files`.
"""
