package dev.gemmaspark.spark;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.Architectures;

/** Which package may know which: arrows one way, and nothing of the engine but its public packages. */
@AnalyzeClasses(packages = "dev.gemmaspark.spark", importOptions = DoNotIncludeTests.class)
class PackageRulesTest {
  private static final String ROOT = "dev.gemmaspark.spark";

  @ArchTest
  static final ArchRule layers =
      Architectures.layeredArchitecture()
          .consideringOnlyDependenciesInAnyPackage(ROOT + "..")
          .layer("app").definedBy(ROOT + ".app")
          .layer("ml").definedBy(ROOT + ".ml")
          .layer("rag").definedBy(ROOT + ".rag")
          .layer("spark").definedBy(ROOT)
          .layer("sql").definedBy(ROOT + ".sql")
          .layer("execution").definedBy(ROOT + ".execution")
          .layer("executor").definedBy(ROOT + ".executor")
          .layer("storage").definedBy(ROOT + ".storage")
          .layer("conf").definedBy(ROOT + ".conf")
          .whereLayer("app").mayNotBeAccessedByAnyLayer()
          .whereLayer("rag").mayOnlyBeAccessedByLayers("app")
          .whereLayer("ml").mayNotBeAccessedByAnyLayer()
          .whereLayer("storage").mayOnlyBeAccessedByLayers("app", "rag")
          .whereLayer("spark").mayOnlyBeAccessedByLayers("app", "rag", "ml")
          .whereLayer("sql").mayOnlyBeAccessedByLayers("app", "rag", "spark")
          .whereLayer("execution").mayOnlyBeAccessedByLayers("app", "rag", "ml", "spark", "sql")
          .whereLayer("executor").mayOnlyBeAccessedByLayers("app", "rag", "spark", "sql", "execution");

  @ArchTest
  static final ArchRule theEnginesInsideStaysInside =
      noClasses().should().dependOnClassesThat().resideInAPackage("dev.gemmaspark.engine.internal..");

  @ArchTest
  static final ArchRule noApplicationEndsTheJvm =
      noClasses()
          .that()
          .areAssignableTo("dev.gemmaspark.spark.app.Application")
          .should()
          .callMethod(System.class, "exit", int.class)
          .because("a cluster manager takes that for a failure");
}
