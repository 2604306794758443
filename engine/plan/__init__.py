"""strategy x events x bars -> Plan: who trades what, from which bar to which; for one rule or a parameter grid."""
