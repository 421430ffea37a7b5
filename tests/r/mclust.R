# EM by mclust's own steps, from given responsibilities: Rscript mclust.R DIRECTORY
#
# For every name in DIRECTORY/cases.txt ("data model") reads <data>.csv and <data>-z.csv, and writes, after 1, 5, 50 and
# 1000 rounds, one line: the log-likelihood, weights, means (by component) and covariances (by component, by column).
suppressMessages(library(mclust))
here <- commandArgs(trailingOnly = TRUE)[1]
cat(as.character(packageVersion("mclust")), file = file.path(here, "version.txt"))
table <- function(name) as.matrix(read.csv(file.path(here, name), header = FALSE))

for (case in strsplit(readLines(file.path(here, "cases.txt")), " ")) {
  X <- table(paste0(case[1], ".csv"))
  z <- table(paste0(case[1], "-z.csv"))
  lines <- character()
  for (round in 0:1000) { # parameters of round 0: the M-step from z, where Python begins, too
    step <- mstep(data = X, modelName = case[2], z = z)
    after <- estep(data = X, modelName = case[2], parameters = step$parameters)
    if (round %in% c(1, 5, 50, 1000)) {
      p <- step$parameters
      numbers <- c(round, after$loglik, p$pro, as.vector(p$mean), as.vector(p$variance$sigma))
      lines <- c(lines, paste(sprintf("%.17g", numbers), collapse = ","))
    }
    z <- after$z
  }
  writeLines(lines, file.path(here, paste0(case[1], "-", case[2], ".out")))
}
