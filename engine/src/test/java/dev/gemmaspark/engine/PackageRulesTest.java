package dev.gemmaspark.engine;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.Architectures;

/** Which package may know which: arrows one way. */
@AnalyzeClasses(packages = "dev.gemmaspark.engine", importOptions = DoNotIncludeTests.class)
class PackageRulesTest {
  private static final String ROOT = "dev.gemmaspark.engine";

  @ArchTest
  static final ArchRule layers =
      Architectures.layeredArchitecture()
          .consideringOnlyDependenciesInAnyPackage(ROOT + "..")
          .layer("cli").definedBy(ROOT + ".cli")
          .layer("arrow").definedBy(ROOT + ".arrow")
          .layer("engine").definedBy(ROOT)
          .layer("scheduler").definedBy(ROOT + ".internal.scheduler")
          .layer("sampling").definedBy(ROOT + ".internal.sampling")
          .layer("model").definedBy(ROOT + ".internal.model")
          .layer("tokenizer").definedBy(ROOT + ".internal.tokenizer")
          .layer("cache").definedBy(ROOT + ".internal.cache")
          .layer("weights").definedBy(ROOT + ".internal.weights")
          .layer("kernel").definedBy(ROOT + ".internal.kernel")
          .layer("parallel").definedBy(ROOT + ".internal.parallel")
          .layer("gguf").definedBy(ROOT + ".internal.gguf")
          .layer("safetensors").definedBy(ROOT + ".internal.safetensors")
          .layer("quantization").definedBy(ROOT + ".internal.quantization")
          .layer("tensor").definedBy(ROOT + ".internal.tensor")
          .layer("generation").definedBy(ROOT + ".generation")
          .layer("chat").definedBy(ROOT + ".chat")
          .layer("error").definedBy(ROOT + ".error")
          .whereLayer("cli").mayNotBeAccessedByAnyLayer()
          .whereLayer("arrow").mayNotBeAccessedByAnyLayer()
          .whereLayer("engine").mayOnlyBeAccessedByLayers("cli", "arrow")
          .whereLayer("scheduler").mayOnlyBeAccessedByLayers("engine")
          .whereLayer("sampling").mayOnlyBeAccessedByLayers("engine", "scheduler")
          .whereLayer("model").mayOnlyBeAccessedByLayers("engine", "scheduler")
          .whereLayer("tokenizer").mayOnlyBeAccessedByLayers("engine", "scheduler", "weights")
          .whereLayer("cache").mayOnlyBeAccessedByLayers("engine", "scheduler", "model")
          .whereLayer("weights").mayOnlyBeAccessedByLayers("engine", "model")
          .whereLayer("kernel").mayOnlyBeAccessedByLayers("engine", "model", "sampling")
          .whereLayer("parallel").mayOnlyBeAccessedByLayers("engine", "scheduler", "model", "weights")
          .whereLayer("gguf").mayOnlyBeAccessedByLayers("weights")
          .whereLayer("safetensors").mayOnlyBeAccessedByLayers("weights")
          .whereLayer("quantization").mayOnlyBeAccessedByLayers("weights")
          .whereLayer("tensor").mayOnlyBeAccessedByLayers(
              "engine", "model", "cache", "weights", "kernel", "gguf", "safetensors", "quantization");

  @ArchTest
  static final ArchRule noCycles = slices().matching(ROOT + ".(**)").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule leavesKnowNothingInternal =
      noClasses()
          .that()
          .resideInAnyPackage(ROOT + ".generation", ROOT + ".chat", ROOT + ".error")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(ROOT, ROOT + ".internal..", ROOT + ".arrow", ROOT + ".cli");

  @ArchTest
  static final ArchRule theCommandLineKnowsOnlyPublicPackages =
      noClasses()
          .that()
          .resideInAnyPackage(ROOT + ".cli", ROOT + ".arrow")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(ROOT + ".internal..");

  @ArchTest
  static final ArchRule noUnsafeMemory =
      noClasses()
          .should()
          .callMethodWhere(
              com.tngtech.archunit.core.domain.JavaCall.Predicates.target(
                  com.tngtech.archunit.core.domain.properties.HasName.Predicates.name("reinterpret")))
          .orShould()
          .dependOnClassesThat()
          .haveFullyQualifiedName("sun.misc.Unsafe")
          .because("a bug must be an exception, not a read of other memory");
}
