# Write the reference values that come from R; README.md says which.
#
#   cd tests/oracles && Rscript make.R [folder]
#
# Packages of Debian 12: r-base-core, r-cran-{proc,glmnet,rms,hmisc,psych,mass,jsonlite}.
# pROC: Robin et al. 2011 (BMC Bioinformatics 12:77); glmnet: Friedman et al. 2010 (J Stat Softw
# 33(1)); rms and Hmisc: Harrell 2015 (Regression Modeling Strategies); psych: Revelle 2022;
# MASS: Venables and Ripley 2002 (Modern Applied Statistics with S).

suppressMessages({
  library(pROC); library(glmnet); library(rms); library(Hmisc); library(psych); library(MASS)
  library(jsonlite)
})

target <- c(commandArgs(trailingOnly = TRUE), ".")[1]
read <- function(name) read.csv(file.path("data", paste0(name, ".csv")))
write <- function(value, name) {
  packages <- c("pROC", "glmnet", "rms", "Hmisc", "psych", "MASS")
  versions <- sapply(packages, function(p) as.character(packageVersion(p)), simplify = FALSE)
  value$`_meta` <- list(R = R.version.string, made_by = "make.R", packages = versions)
  text <- toJSON(value, auto_unbox = TRUE, digits = I(15), na = "null", pretty = TRUE)
  writeLines(text, file.path(target, paste0(name, ".json")))
}
each <- function(names, f) setNames(lapply(names, f), names)
pairs <- function(names) combn(names, 2, simplify = FALSE)

# --- AUC: DeLong's intervals and tests (pROC)
one_roc <- function(y, x) {
  roc(y, x, levels = c(0, 1), direction = "<", quiet = TRUE)
}
auc_of <- function(y, x) {
  known <- !is.na(x)
  curve <- one_roc(y[known], x[known])
  limits <- function(level) as.numeric(ci.auc(curve, conf.level = level, method = "delong"))
  list(
    n_pos = sum(y[known] == 1), n_neg = sum(y[known] == 0), auc = as.numeric(curve$auc),
    var_delong = var(curve, method = "delong"),
    ci90 = limits(0.90), ci95 = limits(0.95), ci99 = limits(0.99)
  )
}
paired <- function(y, a, b) {
  known <- !is.na(a) & !is.na(b)
  test <- suppressWarnings(roc.test(
    one_roc(y[known], a[known]), one_roc(y[known], b[known]), method = "delong", paired = TRUE
  ))
  list(
    n_used = sum(known), auc1 = unname(test$estimate[1]), auc2 = unname(test$estimate[2]),
    z = unname(test$statistic), p_two_sided = test$p.value, ci95_diff = as.numeric(test$conf.int)
  )
}
all_pairs <- function(table, markers) {
  found <- lapply(pairs(markers), function(m) paired(table$y, table[[m[1]]], table[[m[2]]]))
  setNames(found, sapply(pairs(markers), paste, collapse = "_vs_"))
}
share <- function(k, n) {
  list(k = k, n = n, est = k / n,
       wilson95 = as.numeric(prop.test(k, n, correct = FALSE)$conf.int))
}
youden <- function(y, x) {
  best <- coords(one_roc(y, x), "best", best.method = "youden", transpose = FALSE, ret = c(
    "threshold", "specificity", "sensitivity", "ppv", "npv", "accuracy", "tp", "tn", "fp", "fn"
  ))
  lapply(seq_len(nrow(best)), function(i) {
    row <- as.list(best[i, ])
    with(row, c(row, list(
      sens_ci = share(tp, tp + fn), spec_ci = share(tn, tn + fp), ppv_ci = share(tp, tp + fp),
      npv_ci = share(tn, tn + fn), acc_ci = share(tp + tn, tp + tn + fp + fn)
    )))
  })
}
unpaired <- function(table, marker) {
  men <- table[table$gender == "Male", ]
  women <- table[table$gender == "Female", ]
  test <- roc.test(
    one_roc(men$y, men[[marker]]), one_roc(women$y, women[[marker]]), method = "delong",
    paired = FALSE
  )
  list(auc1 = unname(test$estimate[1]), auc2 = unname(test$estimate[2]),
       D = unname(test$statistic), df = unname(test$parameter), p_two_sided = test$p.value)
}

sah <- read("aSAH")
markers <- c("wfns", "s100b", "ndka")
write(list(
  markers = each(markers, function(m) {
    c(auc_of(sah$y, sah[[m]]), list(youden = youden(sah$y, sah[[m]])))
  }),
  paired = all_pairs(sah, markers),
  unpaired_by_gender = each(markers, function(m) unpaired(sah, m))
), "delong_aSAH")

write(each(c("delong_tiny", "delong_identical", "delong_missing"), function(name) {
  table <- read(name)
  scores <- setdiff(names(table), "y")
  list(single = each(scores, function(m) auc_of(table$y, table[[m]])),
       paired = all_pairs(table, scores))
}), "delong_synthetic")

# --- Logistic regression (glm, MASS, rms)
births <- read("birthwt")
births$race <- factor(births$race, c("white", "black", "other"))
births$ftv3 <- factor(births$ftv3, c("0", "1", "2+"))
for (name in c("smoke", "ptd", "ht", "ui")) births[[name]] <- factor(births[[name]], c("no", "yes"))
predictors <- c("age", "lwt", "race", "smoke", "ptd", "ht", "ui", "ftv3")
tight <- glm.control(epsilon = 1e-14, maxit = 100)

regression <- function(names) {
  formula <- reformulate(names, "low")
  fit <- glm(formula, binomial, births, control = tight)
  rows <- coef(summary(fit))
  wald <- confint.default(fit)
  dropped <- drop1(fit, test = "LRT")[-1, ]
  list(
    formula = paste("low ~", paste(names, collapse = " + ")),
    terms = lapply(rownames(rows), function(term) list(
      name = term, coef = unname(coef(fit)[term]), se = rows[term, 2], z = rows[term, 3],
      p_wald = rows[term, 4], OR = unname(exp(coef(fit)[term])),
      OR_ci95_wald = as.numeric(exp(wald[term, ]))
    )),
    vcov = unname(vcov(fit)), logLik = as.numeric(logLik(fit)), AIC = AIC(fit),
    lrt_per_term = lapply(rownames(dropped), function(term) list(
      term = term, df = dropped[term, "Df"], chisq = dropped[term, "LRT"],
      p = dropped[term, "Pr(>Chi)"]
    ))
  )
}
single <- each(predictors, regression)
screen_p <- lapply(single, function(fit) fit$lrt_per_term[[1]]$p)
kept <- predictors[unlist(screen_p) < 0.1]
everything <- glm(reformulate(predictors, "low"), binomial, births, control = tight)
backward <- stepAIC(everything, direction = "backward", trace = 0)
separation <- read("separation10")
gave_up <- suppressWarnings(glm(y ~ x, binomial, separation))

spans <- datadist(births)
options(datadist = "spans")
plain <- lrm(low ~ age + lwt + race + smoke + ht + ui, births)
drawn <- nomogram(plain, fun = plogis, fun.at = c(.05, seq(.1, .8, by = .1)), lp = TRUE)
axis <- function(name) {
  part <- drawn[[name]]
  list(values = as.character(part[[name]]), Xbeta = as.numeric(part$Xbeta),
       points = as.numeric(part$points))
}
risk <- drawn[[setdiff(names(drawn), c("age", "lwt", "race", "smoke", "ht", "ui", "total.points",
                                       "lp"))[1]]]
write(list(
  birthwt = list(
    predictors = predictors, univariate = single, screen_p_lrt = screen_p, kept_by_lrt = kept,
    multivariate_screened_lrt = regression(kept),
    multivariate_all = c(regression(predictors), list(vif_rms = as.list(rms::vif(everything)))),
    step_backward_AIC = list(
      formula = paste("low ~", paste(attr(terms(backward), "term.labels"), collapse = " + ")),
      AIC = AIC(backward)
    )
  ),
  separation10 = list(converged = gave_up$converged),
  rms_lrm_birthwt = list(
    coef = as.list(coef(plain)),
    nomogram = list(
      axes = each(c("age", "lwt", "race", "smoke", "ht", "ui"), axis),
      lp = list(points = as.numeric(drawn$lp$x), value = as.numeric(drawn$lp$x.real)),
      risk = list(points = as.numeric(risk$x), label = as.numeric(risk$fat))
    )
  )
), "logistic")

# --- Profile likelihood: its exact roots, and standard errors at the exact maximum
X <- model.matrix(everything)
y <- births$low
best <- glm.fit(X, y, family = binomial(), control = tight)
w <- best$fitted.values * (1 - best$fitted.values)
se <- sqrt(diag(solve(crossprod(X * sqrt(w)))))
profile_limits <- function(j) {
  deviance_at <- function(value) {
    glm.fit(X[, -j], y, offset = X[, j] * value, family = binomial(), control = tight)$deviance
  }
  gap <- function(value) deviance_at(value) - best$deviance - qchisq(0.95, 1)
  at <- coef(best)[j]
  root <- function(a, b) uniroot(gap, c(a, b), tol = 1e-13)$root
  as.numeric(c(root(at - 4 * se[j], at), root(at, at + 4 * se[j])))
}
write(list(
  terms = setNames(lapply(seq_len(ncol(X)), function(j) {
    list(coef_ci95_profile_exact = profile_limits(j))
  }), colnames(X)),
  se_exact = as.list(setNames(se, colnames(X)))
), "logistic_profile_exact")

# --- LASSO (glmnet)
table <- read("lasso_150x30")
X <- as.matrix(table[, grep("^x", names(table))])
path <- function(...) {
  fit <- glmnet(X, table$y, family = "binomial", thresh = 1e-14, maxit = 1e7, ...)
  list(lambda = fit$lambda, a0 = as.numeric(fit$a0), df = fit$df, dev_ratio = fit$dev.ratio,
       beta = unname(as.matrix(fit$beta)))
}
default <- glmnet(X, table$y, family = "binomial")
curve <- function(measure) {
  cv <- cv.glmnet(X, table$y, family = "binomial", foldid = table$foldid, thresh = 1e-14,
                  maxit = 1e7, lambda = default$lambda, type.measure = measure)
  list(lambda = cv$lambda, cvm = cv$cvm, cvsd = cv$cvsd, lambda_min = cv$lambda.min,
       lambda_1se = cv$lambda.1se, index_min_1based = which(cv$lambda == cv$lambda.min))
}
write(list(lasso_150x30_binomial = list(
  path_thresh1e14 = path(), path_nostandardize_thresh1e14 = path(standardize = FALSE),
  path_alpha0.5_thresh1e14 = path(alpha = 0.5),
  coef_at_given_lambda_thresh1e14 = lapply(c(5, 15, 25, 35, 50), function(i) {
    fit <- glmnet(X, table$y, family = "binomial", thresh = 1e-14, maxit = 1e7,
                  lambda = default$lambda)
    list(lambda = default$lambda[i], coef = as.numeric(coef(fit)[, i]))
  }),
  cv_explicit_lambda_thresh1e14_deviance = curve("deviance"),
  cv_explicit_lambda_thresh1e14_auc = curve("auc")
)), "glmnet_150x30_binomial")

# --- Probabilities: calibration (rms), reclassification (Hmisc), net benefit
risks <- read("risk_400")
THRESHOLDS <- c(0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
hosmer <- function(y, p, g) {
  cuts <- unique(quantile(p, seq(0, 1, 1 / g)))
  group <- cut(p, cuts, include.lowest = TRUE)
  n <- tapply(y, group, length)
  observed <- tapply(y, group, sum)
  expected <- tapply(p, group, sum)
  chisq <- sum((observed - expected)^2 / (expected * (1 - expected / n)))
  list(chisq = chisq, g_used = length(n),
       p_df_g_external = pchisq(chisq, length(n), lower.tail = FALSE))
}
net_benefit <- function(y, p, at) {
  n <- length(y)
  weight <- at / (1 - at)
  net <- sum(p >= at & y == 1) / n - sum(p >= at & y == 0) / n * weight
  everyone <- mean(y) - (1 - mean(y)) * weight
  list(threshold = at, net_benefit = net, net_benefit_all = everyone,
       interventions_avoided_per100 = 100 * (net - everyone) / weight)
}
calibration <- function(p) {
  y <- risks$y
  straight <- glm(y ~ qlogis(p), binomial, control = tight)
  large <- glm(y ~ 1, binomial, offset = qlogis(p), control = tight)
  smooth <- lowess(p, y, iter = 0)
  at <- approx(smooth$x, smooth$y, p, ties = mean)$y
  error <- function(fit, i) sqrt(diag(vcov(fit)))[[i]]
  brier <- mean((p - y)^2)
  list(
    val_prob = as.list(val.prob(p, y, pl = FALSE)),
    calibration_intercept = coef(straight)[[1]], calibration_slope = coef(straight)[[2]],
    intercept_se = error(straight, 1), slope_se = error(straight, 2),
    calibration_in_the_large = coef(large)[[1]], citl_se = error(large, 1),
    brier = brier, brier_scaled = 1 - brier / (mean(y) * (1 - mean(y))),
    OE_ratio = sum(y) / sum(p), lowess_iter0 = smooth, ICI_lowess = mean(abs(p - at)),
    hosmer_lemeshow = list(
      resource_selection_g10 = hosmer(y, p, 10), resource_selection_g5 = hosmer(y, p, 5)
    ),
    dca = lapply(THRESHOLDS, function(t) net_benefit(y, p, t))
  )
}
categories <- function(old, new, cuts) {
  y <- risks$y
  move <- findInterval(new, cuts) - findInterval(old, cuts)
  part <- function(event, sign) {
    up <- mean(move[y == event] > 0)
    down <- mean(move[y == event] < 0)
    c(sign * (up - down), (up + down - (up - down)^2) / sum(y == event))
  }
  events <- part(1, 1)
  others <- part(0, -1)
  list(cuts = I(cuts), nri_events = events[1], nri_nonevents = others[1],
       nri = events[1] + others[1], se_full_pencina2011 = sqrt(events[2] + others[2]))
}
better <- improveProb(risks$p_old, risks$p_new, risks$y)
write(list(risk_400 = c(each(c("p_old", "p_new", "p_tied"), function(m) calibration(risks[[m]])), list(
  improveProb_Hmisc_old_to_new = lapply(unclass(better), function(v) unname(v)),
  categorical_nri = list(
    one_cut_0.5 = categories(risks$p_old, risks$p_new, 0.5),
    cuts_.2_.4 = categories(risks$p_old, risks$p_new, c(0.2, 0.4)),
    tied_cuts_.2_.5 = categories(risks$p_old, risks$p_tied, c(0.2, 0.5))
  )
))), "risk_models")

# --- Intraclass correlation (psych)
found <- ICC(read("icc_shrout_fleiss"), lmer = FALSE)$results
kinds <- c("ICC1_1", "ICC2_1", "ICC3_1", "ICC1_k", "ICC2_k", "ICC3_k")
write(list(shrout_fleiss = list(icc = setNames(lapply(1:6, function(i) list(
  icc = found$ICC[i], lower95 = found$`lower bound`[i], upper95 = found$`upper bound`[i]
)), kinds))), "icc")

# --- Table 1 and single tests (base R)
people <- read("table1")
groups <- lapply(c("train", "test"), function(g) people[people$group == g, ])
names(groups) <- c("train", "test")
continuous <- function(name) {
  train <- na.omit(groups$train[[name]])
  test <- na.omit(groups$test[[name]])
  describe <- function(x) list(n = length(x), mean = mean(x), sd = sd(x),
                               shapiro_p = shapiro.test(x)$p.value)
  pooled <- sqrt((var(train) + var(test)) / 2)
  list(
    train = describe(train), test = describe(test),
    mannwhitney_R_default = list(p = wilcox.test(train, test, exact = FALSE)$p.value),
    welch_t = list(p = t.test(train, test)$p.value),
    smd_pooled = abs(mean(train) - mean(test)) / pooled
  )
}
categorical <- function(name) {
  counts <- table(people[[name]], people$group)
  list(table = unname(unclass(counts)),
       chisq_nocorrect = list(p = suppressWarnings(chisq.test(counts, correct = FALSE)$p.value)),
       fisher = list(p = fisher.test(counts)$p.value))
}
raw <- c(0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216, 0.222, 0.251, 0.269, 0.275, 0.34, 0.341, 0.384, 0.569, 0.594, 0.696, 0.762, 0.94, 0.942, 0.975, 0.986)
discordant <- matrix(c(40, 6, 15, 39), 2)
write(list(
  continuous = each(c("age", "size_mm", "cea"), continuous),
  categorical = each(c("sex", "stage", "rare"), categorical),
  mcnemar = list(table_colmajor = as.numeric(discordant),
                 p_exact_binomial = binom.test(6, 21)$p.value),
  p_adjust = list(p = raw, holm = p.adjust(raw, "holm"))
), "table1")
