"""The system under test as typed values: for each subject the text of a query and the function that reads its answer.

Nothing here talks to a node.  A `Command` says what to send and how to read the reply; who sends it decides when and
where.
"""
