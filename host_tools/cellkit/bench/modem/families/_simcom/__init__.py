"""What SIMCom's families have in common."""
