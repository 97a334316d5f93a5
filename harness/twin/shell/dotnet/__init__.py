"""Members of .NET types, as far as scripts use them: properties, methods, statics, constructors.

Importing ``library`` declares them all; the other modules can be imported alone.
"""
