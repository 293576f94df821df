import Arcuate
