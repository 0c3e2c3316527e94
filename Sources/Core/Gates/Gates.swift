// Gates.
