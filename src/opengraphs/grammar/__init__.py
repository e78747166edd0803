"""What training programs print, read as metrics: `parser.LineParser` turns a stream's bytes into records.

Pure and stdlib only, below everything but nothing: the runner follows a run's output with
it, the readers a foreign log file, the engine a log's tail. One idea a module:

    terminal   bytes → lines as a person would see them: ANSI, backspaces, carriage returns
    numbers    what is a number, and the units behind it
    names      what a printed name becomes as a key; which names are steps, or no metrics at all
    skeleton   a line without its numbers → which number is which metric; made once a kind of line
    dicts      Python dict literals and JSON
    bars       progress bars, and the step that they tell for lines without one
    columns    tables whose header names the columns
    patterns   the user's own regular expressions
"""
