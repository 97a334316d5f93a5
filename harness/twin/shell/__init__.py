"""The PowerShell of the twin's nodes: parser, evaluator, objects, formatting and core cmdlets."""
