// World.
