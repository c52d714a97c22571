"""Reports: a `finding.Report` rendered as text, SARIF, JSON or workflow commands. Nothing here prints or analyses."""
