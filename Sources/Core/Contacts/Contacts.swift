// Contacts.
