# EM by mclust's own steps, from given responsibilities: Rscript mclust.R DIRECTORY ROUND...
#
# For every name in DIRECTORY/cases.txt ("data model") reads <data>.csv and <data>-z.csv, and writes, after each of the
# given rounds, one line: the round, the log-likelihood, weights, means (by component) and covariances (by component, by
# column). The steps are alternated here because mclust's own loop, `me`, stops as soon as the log-likelihood repeats
# itself, however small its tolerance: parameters are then still 4e-7 from where they are going (crabs, VVV).
suppressMessages(library(mclust))
arguments <- commandArgs(trailingOnly = TRUE)
here <- arguments[1]
rounds <- as.integer(arguments[-1])
table <- function(name) as.matrix(read.csv(file.path(here, name), header = FALSE))

for (case in strsplit(readLines(file.path(here, "cases.txt")), " ")) {
  X <- table(paste0(case[1], ".csv"))
  z <- table(paste0(case[1], "-z.csv"))
  lines <- character()
  for (round in 0:max(rounds)) { # parameters of round 0: the M-step from z, where Python begins, too
    step <- mstep(data = X, modelName = case[2], z = z)
    after <- estep(data = X, modelName = case[2], parameters = step$parameters)
    if (round %in% rounds) {
      p <- step$parameters
      numbers <- c(round, after$loglik, p$pro, as.vector(p$mean), as.vector(p$variance$sigma))
      lines <- c(lines, paste(sprintf("%.17g", numbers), collapse = ","))
    }
    z <- after$z
  }
  writeLines(lines, file.path(here, paste0(case[1], "-", case[2], ".out")))
}
