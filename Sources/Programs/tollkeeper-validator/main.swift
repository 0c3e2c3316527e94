// tollkeeper-validator
