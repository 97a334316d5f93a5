"""What to prove: plan files, scenarios as values, and all that can be said about them before a lab is touched.

Scenarios (`models`) are frozen, fully resolved values; `load` reads them, `render` shows one, `plain` saves one, `fits`
compares one with a lab, `guard` looks at its faults.  Import from the modules: the run process needs few of them.
"""
